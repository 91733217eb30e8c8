package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// proof is what the end of a text says of its being whole.
type proof uint8

const (
	// none: the text may be the beginning of a longer one.
	none proof = iota
	// cut: the last line has no end, so that its value may be the beginning of another one.
	cut
	// wrong: the checksum is that of another text.
	wrong
	// complete: the text is one JSON value.
	complete
	// marked: the text ends with a mark that its writer put there last.
	marked
)

// checksumMark begins the line that holds the checksum of all before it.
const checksumMark = "# sha256:"

// prove looks at the end of a text. ends counts its lines of "...".
func prove(text []byte) (p proof, ends int) {
	if json.Valid(text) {
		return complete, 0
	}
	last, start := []byte(nil), 0 // the last line with something in it
	for offset := 0; offset < len(text); {
		line := text[offset:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		if content := bytes.TrimRight(line, " \t\r\n"); len(content) > 0 {
			last, start = content, offset
			if string(content) == "..." {
				ends++
			}
		}
		offset += len(line)
	}
	switch {
	case bytes.HasPrefix(last, []byte(checksumMark)):
		sum := sha256.Sum256(text[:start])
		if string(bytes.TrimSpace(last[len(checksumMark):])) != hex.EncodeToString(sum[:]) {
			return wrong, ends
		}
		return marked, ends
	case string(last) == "..." && ends == 1:
		return marked, ends
	case len(text) > 0 && text[len(text)-1] != '\n' && text[len(text)-1] != '}':
		return cut, ends
	default:
		return none, ends
	}
}
