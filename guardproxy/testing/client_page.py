"""The table of clients."""
def table(rows):
    return ""
