//! THE TRYING: what shows and feeds the engine without a bank behind it.
//!
//! [`traffic`] makes payments from a seed, for the demo and for the benches; [`demo`] plays
//! them, with a story on the way, through the service's own worker and stop-order follower,
//! and counts what came of it. Nothing here runs in production, and no room but `cli` may
//! know it. It must not know the terminal, the command line or exit codes; it decides
//! nothing itself and reads the time only from the service's clock. [`verify`] reads both
//! topics and says whether every input is answered, by one truth. Its figures are of
//! made-up payments: nothing follows from them for real fraud.
//!
//! Start at [`demo::Demo`]; for payments alone at [`traffic::Traffic`].

pub mod demo;
pub mod traffic;
pub mod verify;
