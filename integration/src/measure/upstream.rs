//! A provider that costs nothing: fixed answers from memory, kept-alive connections, one thread each.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Bytes of the model's text in a whole answer.
const TEXT: usize = 400;

/// Starts it; it lives as long as the process. `chunks`: events of a streamed answer.
pub fn start(chunks: u64) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, chunks));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, chunks: u64) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        while let Some(length) = request_length(&buffer).filter(|length| *length <= buffer.len()) {
            let request: Vec<u8> = buffer.drain(..length).collect();
            let text = String::from_utf8_lossy(&request);
            let messages = text.starts_with("POST /v1/messages");
            let answered =
                if text.contains("\"stream\":true") { streamed(&mut stream, messages, chunks) } else { stream.write_all(&whole(messages)) };
            if answered.is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => buffer.extend_from_slice(&piece[..read]),
        }
    }
}

/// The length of the first request in the buffer, once its head is there.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Some(head + length.unwrap_or(0))
}

fn whole(messages: bool) -> Vec<u8> {
    let words = "word ".repeat(TEXT / 5);
    let body = if messages {
        format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"{words}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":200,"output_tokens":80}}}}"#
        )
    } else {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{words}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":200,"completion_tokens":80,"total_tokens":280}}}}"#
        )
    };
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A stream, each event a write of its own: paced, so that the proxy sees each chunk by itself.
fn streamed(stream: &mut TcpStream, messages: bool, chunks: u64) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let (first, each, last) = if messages {
        (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":200,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":80}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        )
    } else {
        (
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":80,\"total_tokens\":280}}\n\ndata: [DONE]\n\n",
        )
    };
    send(stream, first)?;
    for _ in 0..chunks {
        send(stream, each)?;
        // The pace: the proxy, slow under valgrind, must have taken one chunk before the next comes.
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    send(stream, last)?;
    stream.write_all(b"0\r\n\r\n")
}

fn send(stream: &mut TcpStream, event: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
}
