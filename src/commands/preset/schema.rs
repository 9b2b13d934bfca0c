//! `formwork preset schema`: for editors.

use crate::{
    catalog::Catalog,
    error::{Result, Status},
    preset::schema::schema,
};

pub(super) fn run() -> Result<Status> {
    println!("{:#}", schema(&Catalog::embedded()?));
    Ok(Status::Fine)
}
