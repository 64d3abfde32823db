"""“Copy as”: what a page shows or does, as the request of the API that does the same: curl, command line, Python.

`calls` says which requests belong to a page, `lines` writes one down. A filter has the same name on the page, in the
API and on the command line, so a page's own query string is the request's.
"""

from automate_web.copy_as.calls import PAGES, Call, Shape, calls_of
from automate_web.copy_as.lines import Line, lines_of

__all__ = ["PAGES", "Call", "Line", "Shape", "calls_of", "lines_of"]
