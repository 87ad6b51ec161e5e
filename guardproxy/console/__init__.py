"""The office: the admin listener (metrics, pages). Never on the data port."""
