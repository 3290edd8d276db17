"""One file a revision, named ``r<number>_<what>.py``; once released, a file is never changed."""
