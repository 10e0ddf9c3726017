//! Amazon Bedrock Converse and ConverseStream: the model is in the path, streams are AWS event streams.

/// The format.
#[derive(Debug)]
pub struct Converse;
