//! THE FRONT DOOR: a file per subcommand.
