"""The two wire formats, without I/O: a request as its JSON body, an answer or a stream of events as a Completion.

Each module has `body(request, …)`, `completion(data, …)` and a class that gathers a stream.
"""
