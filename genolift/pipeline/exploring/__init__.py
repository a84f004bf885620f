"""A model that answers in a page: what is asked of it, and the server that hands it on."""
