//! Lists, page by page: a page holds so many rows, and a cursor that leads to the next.

use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::context::Context;
use crate::edge::problem::Problem;

const LARGEST: u32 = 250;
const USUAL: u32 = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most; 50 unless told.
    #[param(minimum = 1, maximum = 250)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    limit: usize,
    /// One more row than is shown tells whether there is another page.
    pub rows: u32,
    /// The last row of the page before; none on the first.
    pub last: Option<Uuid>,
}

impl PageQuery {
    pub fn read(&self, context: &Context) -> Result<Asked, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=LARGEST).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "limit must be 1 to {LARGEST}"
            )));
        }
        let cursors = &context.app().cursors;
        let cursor = self.cursor.as_deref();
        let last = cursor.map(|cursor| cursors.read(cursor, context.caller()));
        Ok(Asked {
            limit: limit as usize,
            rows: limit + 1,
            last: last.transpose()?,
        })
    }
}

impl Asked {
    /// Cuts `rows` to the page, and gives the cursor of the next one if there is one.
    pub fn cut<T>(
        &self,
        context: &Context,
        rows: &mut Vec<T>,
        id: impl Fn(&T) -> Uuid,
    ) -> Option<String> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| has_more);
        last.map(|last| context.app().cursors.after(id(last), context.caller()))
    }
}
