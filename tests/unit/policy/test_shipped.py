"""Where the shipped files lie."""

from guardproxy.policy import shipped


def test_the_folder_holds_what_it_should():
    folder = shipped.directory()
    for name in (
        "base.yaml",
        "default.yaml",
        "strict.yaml",
        "permissive.yaml",
        "messages/en.yaml",
        "data/helplines.yaml",
    ):
        assert (folder / name).is_file()
