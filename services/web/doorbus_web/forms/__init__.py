"""Forms made of the document's models, and back: pure, no HTML and no I/O.

`tree(...)` reads the models, `controls(...)` puts values and ids to choose from into the tree for the templates,
`read(...)` turns what a browser posted into the document's data again. What a form does not show stays as it was.
"""
