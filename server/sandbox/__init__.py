"""The services in miniature: try every tool without credentials, over the services' own protocols.

Each module's `create()` is a fresh service with its own state, written from the service's published
contract and observed behaviour, and importing none of `clients` or `tools`, so that a misreading on
one side shows up as a failing test instead of cancelling out.
"""
