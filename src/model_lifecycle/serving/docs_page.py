"""The page at ``/docs``: it shows the OpenAPI document and sends requests, and loads nothing from the network.

Swagger UI would come from a content delivery network, or as two megabytes of assets; this is one small file.
"""

from importlib.resources import files

DOCS_PAGE = files(__package__).joinpath("docs.html").read_bytes()
