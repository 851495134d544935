"""The documentation site put together: pages as they stand, and those that are made from the code.

`python -m docs.assemble FOLDER` writes a folder that Sphinx builds. Nothing that is made here is kept: what
the code says can't drift from what the site says.
"""
