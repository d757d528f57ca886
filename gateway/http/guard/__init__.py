"""Who may call: keys, tokens, scopes, origins, and how much one client may ask for.

Before a room's handler runs, the gate has found out who calls (401), whether this client has its
share already (429), and whether the page it comes from may (403). What is left to a room:

Say which scope its routes want, where it is neither a system's command nor reading a system:

    @get("/api/house/dead-letters", opt=needs("operate"))        # guard.authorization
    @post("/api/media/uploads", opt=needs("upload", system="media.video"))

A route of `/api` that says nothing wants `*:operate`.

A WebSocket's messages ask for themselves:

    caller = caller_of(socket)                                   # guard.caller; any connection
    caller.check("markets.exchange", "read")                     # a subscription
    with caller.request():                                       # one more under way
        caller.check("markets.exchange", "place_order")
        reply, headers = await decide(service, served, command, True, caller.actor)

`check` raises `ProblemFound` (403), `request` (429, 503): send them as problems.
"""
