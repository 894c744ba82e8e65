"""Adapters to other libraries, one module a library, imported only when used."""
