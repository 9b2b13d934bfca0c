//! Other people's four-layer stacks. They are reached only through a request's context
//! (`crate::app::context::Context::external`), which a held connection or an open transaction borrows:
//! that nothing is held across a call to somebody else is a compile error, not a comment.

pub mod http;
