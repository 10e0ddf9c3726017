//! The configuration document: read strictly, cross-checked, compiled into a [`Gateway`].

mod gateway;

pub use gateway::{
    BudgetRule, Caps, Gateway, Identity, IdentitySource, KeyPart, LimitService, Measure, Missing, Mode, OnFailure, PassThrough, Price,
    Window,
};
