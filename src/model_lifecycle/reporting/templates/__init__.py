"""Template, style and script of the reports; Jinja reads them as files."""
