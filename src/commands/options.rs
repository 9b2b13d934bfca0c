use crate::{
    cli::Options,
    error::{Error, Result, Status},
};
pub(super) fn run(_: &Options) -> Result<Status> {
    Err(Error::failed("soon"))
}
