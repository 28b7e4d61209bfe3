//! THE TRYING: traffic, load and replay.
