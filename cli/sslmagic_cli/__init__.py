"""The command `magic`: one module per subcommand."""
