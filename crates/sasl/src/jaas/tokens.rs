//! Words, quoted texts and signs, as `java.io.StreamTokenizer` tells them apart.

use core::iter::Peekable;
use core::str::Chars;

use super::{JaasError, JaasErrorKind};
use crate::Secret;

pub(super) enum Token {
    /// A word, or what stood in quotes. It may be a password.
    Text(Secret),
    /// What Java takes for a number: then it has no text.
    Number,
    Equals,
    Semicolon,
    End,
}

pub(super) struct Tokens<'a> {
    rest: Peekable<Chars<'a>>,
    /// Of the next character.
    place: (usize, usize),
    /// Of the last token.
    start: (usize, usize),
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), place: (1, 1), start: (1, 1) }
    }

    /// An error at the last token's place.
    pub(super) fn error(&self, kind: JaasErrorKind) -> JaasError {
        let (line, column) = self.start;
        JaasError { line, column, kind }
    }

    pub(super) fn next(&mut self) -> Result<Token, JaasError> {
        loop {
            self.start = self.place;
            let Some(c) = self.advance() else { return Ok(Token::End) };
            return match c {
                '\0'..=' ' => continue,
                '/' => {
                    self.comment()?;
                    continue;
                }
                '=' => Ok(Token::Equals),
                ';' => Ok(Token::Semicolon),
                '"' | '\'' => self.quoted(c).map(Token::Text),
                '0'..='9' | '.' | '-' => {
                    self.word(c);
                    Ok(Token::Number)
                }
                c if is_word(c) => Ok(Token::Text(self.word(c))),
                _ => Err(self.error(JaasErrorKind::Character)),
            };
        }
    }

    fn advance(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        let (line, column) = self.place;
        self.place = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        Some(c)
    }

    /// After the first `/`.
    fn comment(&mut self) -> Result<(), JaasError> {
        match self.rest.peek() {
            Some('/') => {
                while self.rest.peek().is_some_and(|&c| c != '\n' && c != '\r') {
                    self.advance();
                }
                Ok(())
            }
            Some('*') => {
                self.advance();
                let mut is_star = false;
                while let Some(c) = self.advance() {
                    if is_star && c == '/' {
                        return Ok(());
                    }
                    is_star = c == '*';
                }
                Err(self.error(JaasErrorKind::OpenComment))
            }
            _ => Err(self.error(JaasErrorKind::Character)),
        }
    }

    fn word(&mut self, first: char) -> Secret {
        let mut word = Secret::default();
        push(&mut word, first);
        while let Some(&c) = self.rest.peek() {
            if !is_word(c) && !matches!(c, '0'..='9' | '.') {
                break;
            }
            self.advance();
            push(&mut word, c);
        }
        word
    }

    fn quoted(&mut self, quote: char) -> Result<Secret, JaasError> {
        let mut text = Secret::default();
        loop {
            match self.advance() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') => {
                    let Some(escaped) = self.escaped() else { break };
                    push(&mut text, escaped);
                }
                None | Some('\n' | '\r') => break,
                Some(c) => push(&mut text, c),
            }
        }
        Err(self.error(JaasErrorKind::OpenQuote))
    }

    /// After the `\`.
    fn escaped(&mut self) -> Option<char> {
        let c = match self.advance()? {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            first @ '0'..='7' => {
                let mut code = u32::from(first) - u32::from('0');
                // Three digits at most, and 255.
                for _ in 0..if first <= '3' { 2 } else { 1 } {
                    let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(8)) else { break };
                    self.advance();
                    code = code * 8 + digit;
                }
                char::from_u32(code)?
            }
            c => c,
        };
        Some(c)
    }
}

/// Digits and dots, too, but not as the first.
fn is_word(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '-' | '_' | '$') || c >= '\u{a0}'
}

fn push(text: &mut Secret, c: char) {
    text.push(c.encode_utf8(&mut [0; 4]).as_bytes());
}
