"""The way to packages through Chift, which speaks to them for us. README.md tells its quirks.

Each package is an app of its own: its folder makes an `App` of this one and names what differs.
"""
