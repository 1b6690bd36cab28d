"""Web and mail servers that take the preamble off: one module a server.

    run(app, ..., trust=...)   serves until told to end, with the server's own options
    main(arguments)            its command, where the server has one:
                               python -m sslmagic.servers.uvicorn app:app --trust ...

What differs between servers is how they are handed a `Listener`, and where they keep
the peer's name. Everything else is here once: `Entrance` says how connections are
received, `command` reads the options that every command has.
"""
