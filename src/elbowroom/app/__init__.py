"""The command line: `commands` has its grammar, each other module one subcommand or what several share."""
