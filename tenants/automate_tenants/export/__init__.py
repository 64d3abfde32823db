"""Export: everything a workspace has as one archive that any program can read.

`contents` says what is in it, `archive` writes it as a stream, `chunks` keeps it sealed in the database until it
expires, `jobs` is the way from the wish to the download. The format is documented in the archive's own README and on
the docs page `export`.
"""
