"""Who may call: keys, tokens, scopes, origins, and how much one client may ask for."""
