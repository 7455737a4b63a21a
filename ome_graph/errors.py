class InvalidOmeXml(ValueError):
    """The OME metadata cannot be used; the message says in one line what is wrong and where."""
