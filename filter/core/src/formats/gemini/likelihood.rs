//! Log probabilities as the API has them: the chosen tokens in one list, what else could have stood there in another.

use crate::hub::{Likelihood, Token, read_tokens};
use crate::json::{Cursor, JsonError, Kind, Out, Raw};

/// Reads the member of a candidate.
pub(super) fn read(result: Raw<'_>) -> Result<Likelihood<'static>, JsonError> {
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    if result.kind() != Kind::Object {
        return Ok(Likelihood::default());
    }
    let mut cursor = result.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("chosenCandidates", Kind::Array) => chosen = tokens(&mut cursor)?,
            ("topCandidates", Kind::Array) => {
                cursor.enter_array()?;
                while cursor.element()? {
                    let mut found = Vec::new();
                    if cursor.peek()? != Kind::Object {
                        cursor.skip()?;
                        continue;
                    }
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        if name.is("candidates") && cursor.peek()? == Kind::Array {
                            found = tokens(&mut cursor)?;
                        } else {
                            cursor.skip()?;
                        }
                    }
                    others.push(found);
                }
            }
            _ => cursor.skip()?,
        }
    }
    let mut out = Out::default();
    for (place, token) in chosen.iter().enumerate() {
        if place > 0 {
            out.verbatim(",");
        }
        open(token, &mut out);
        out.key("top_logprobs");
        out.open_array();
        for other in others.get(place).into_iter().flatten() {
            open(other, &mut out);
            out.close_object();
        }
        out.close_array();
        out.close_object();
    }
    Ok(Likelihood::written(out.into_string()))
}

/// Opens a token's object; its bytes are those of its text.
fn open(token: &Token<'_>, out: &mut Out) {
    out.open_object();
    out.key("token");
    out.string(&token.text);
    out.key("logprob");
    match token.logprob {
        Some(logprob) => out.raw(logprob),
        None => out.number(0),
    }
    out.key("bytes");
    out.open_array();
    token.text.plain().bytes().for_each(|byte| out.number(u64::from(byte)));
    out.close_array();
}

fn tokens<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Token<'b>>, JsonError> {
    let mut tokens = Vec::new();
    read_tokens(cursor, "logProbability", &mut |token| tokens.push(token))?;
    Ok(tokens)
}

/// Writes the member, where there is anything to say.
pub(super) fn encode(likelihood: &Likelihood<'_>, out: &mut Out) {
    if likelihood.is_empty() {
        return;
    }
    let (mut chosen, mut top, mut begun) = (Out::default(), Out::default(), false);
    let read = likelihood.tokens(&mut |token| {
        if core::mem::replace(&mut begun, true) {
            chosen.verbatim(",");
            top.verbatim(",");
        }
        write(&token, &mut chosen);
        top.constant(r#"{"candidates":["#);
        let mut first = true;
        let list = token.others.map_or("[]", |list| list.as_str());
        let others = read_tokens(&mut Cursor::of_text(list), "logprob", &mut |other| {
            if !core::mem::replace(&mut first, false) {
                top.verbatim(",");
            }
            write(&other, &mut top);
        });
        // What can't be read says nothing.
        let _unread = others;
        top.verbatim("]}");
    });
    if read.is_ok() {
        out.key("logprobsResult");
        out.constant(r#"{"chosenCandidates":["#);
        out.verbatim(&chosen.into_string());
        out.verbatim(r#"],"topCandidates":["#);
        out.verbatim(&top.into_string());
        out.verbatim("]}");
    }
}

fn write(token: &Token<'_>, out: &mut Out) {
    out.constant(r#"{"token":"#);
    out.string(&token.text);
    out.key("logProbability");
    match token.logprob {
        Some(logprob) => out.raw(logprob),
        None => out.number(0),
    }
    out.verbatim("}");
}
