"""`python -m tests.seeds`: write the page of promises anew."""

from tests.seeds.table import DOCUMENT, render

if __name__ == "__main__":
    DOCUMENT.write_text(render())
    print(f"written: {DOCUMENT.name}")
