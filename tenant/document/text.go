package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/policy"
)

// text is one document as it stands in its file or store, and its parsed tree.
type text struct {
	file   string
	key    string // the id under which a store holds it; "" in a file
	index  int
	line   int // of its first byte, from 0
	data   []byte
	root   *yaml.Node // nil until parsed
	shifts []shift    // by JSON escapes that parse replaced, in document order
}

// shift says that from a place on, columns of a line are delta too small.
type shift struct{ line, column, delta int }

// documents splits data at the lines that begin with "---" or end one with
// "...", which YAML allows nowhere else than between documents. The size of each can then be
// checked before anything is parsed.
func documents(file string, data []byte) iter.Seq[*text] {
	return func(yield func(*text) bool) {
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
		start, startLine, line := 0, 0, 0
		for offset := 0; offset < len(data); line++ {
			end := len(data)
			if i := bytes.IndexByte(data[offset:], '\n'); i >= 0 {
				end = offset + i + 1
			}
			if cut, found := border(data[offset:end]); found {
				if !yield(&text{file: file, line: startLine, data: data[start : offset+cut]}) {
					return
				}
				start, startLine = offset+cut, line
			}
			offset = end
		}
		yield(&text{file: file, line: startLine, data: data[start:]})
	}
}

// border reports whether a line stands between documents, and how much of it
// belongs to the one before.
func border(line []byte) (cut int, found bool) {
	if len(line) < 3 || (len(line) > 3 && strings.IndexByte(" \t\r\n", line[3]) < 0) {
		return 0, false
	}
	switch string(line[:3]) {
	case "---":
		return 0, true
	case "...":
		return 3, true
	}
	return 0, false
}

// blank reports whether the document has nothing but comments and borders.
func (t *text) blank() bool {
	for line := range bytes.FieldsFuncSeq(t.data, isBreak) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0, line[0] == '#', string(line) == "---", string(line) == "...":
		case bytes.HasPrefix(line, []byte("--- #")), bytes.HasPrefix(line, []byte("... #")):
		default:
			return false
		}
	}
	return true
}

// isBreak reports whether YAML ends a line at c.
func isBreak(c rune) bool {
	return c == '\n' || c == '\r' || c == '\u0085' || c == '\u2028' || c == '\u2029'
}

// parse reads the document into its tree. A problem has a place in the
// document, from 1, or 0 when the parser does not say.
func (t *text) parse() (line, column int, p policy.Problem, ok bool) {
	if len(t.data) > MaxDocumentBytes {
		return 1, 1, policy.Problem{
			Code:   CodeTooLarge,
			Detail: fmt.Sprintf("the document has %d bytes; the limit is %d", len(t.data), MaxDocumentBytes),
		}, false
	}
	if at := invalidUTF8(t.data); at >= 0 {
		line = 1 + bytes.Count(t.data[:at], []byte("\n"))
		column = at - bytes.LastIndexByte(t.data[:at], '\n')
		return line, column, policy.Problem{Code: CodeEncoding, Detail: "the document is not UTF-8"}, false
	}
	var node yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(t.plainJSON()))
	if err := in.Decode(&node); err != nil {
		line, column, p = t.syntaxProblem(err)
		return line, column, p, false
	}
	// YAML knows more line breaks than this package splits at.
	if err := in.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return 1, 1, policy.Problem{
			Code: CodeSyntax, Detail: "something follows the end of the document",
			Fix: "separate documents by a line of ---",
		}, false
	}
	if node.Kind != yaml.DocumentNode || len(node.Content) != 1 || node.Content[0].Kind != yaml.MappingNode {
		return 1, 1, policy.Problem{
			Code: CodeNotMapping, Detail: "a document is a mapping of fields",
			Fix: "write one tenant a document, separated by ---",
		}, false
	}
	t.root = node.Content[0]
	return 0, 0, policy.Problem{}, true
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// plainJSON returns the document in a form that the YAML parser reads. JSON is
// YAML, except that this parser knows neither the escape "\/" nor surrogate
// pairs, both of which common JSON writers emit. In a document that is JSON they are
// replaced by what they stand for.
func (t *text) plainJSON() []byte {
	if !bytes.ContainsRune(t.data, '\\') || !json.Valid(t.data) {
		return t.data
	}
	out := make([]byte, 0, len(t.data))
	line, column := 1, 1 // in out
	for i := 0; i < len(t.data); {
		if t.data[i] != '\\' {
			if c := t.data[i]; c == '\n' {
				line, column = line+1, 1
			} else if utf8.RuneStart(c) {
				column++
			}
			out = append(out, t.data[i])
			i++
			continue
		}
		plain, size := unescape(t.data[i:])
		out = append(out, plain...)
		i += size
		runes := utf8.RuneCount(plain)
		column += runes
		if size != runes {
			t.shift(line, column, size-runes)
		}
	}
	return out
}

// shift notes that columns of line from column on are delta more too small
// than those before.
func (t *text) shift(line, column, delta int) {
	if n := len(t.shifts); n > 0 && t.shifts[n-1].line == line {
		delta += t.shifts[n-1].delta
	}
	t.shifts = append(t.shifts, shift{line: line, column: column, delta: delta})
}

// unescape reads one JSON escape at the start of s. It returns it unchanged
// unless it is one that the YAML parser does not know.
func unescape(s []byte) (plain []byte, size int) {
	switch {
	case s[1] == '/':
		return []byte("/"), 2
	case s[1] == 'u' && len(s) >= 12 && s[6] == '\\' && s[7] == 'u':
		high, errHigh := strconv.ParseUint(string(s[2:6]), 16, 16)
		low, errLow := strconv.ParseUint(string(s[8:12]), 16, 16)
		if r := utf16.DecodeRune(rune(high), rune(low)); errHigh == nil && errLow == nil && r != utf8.RuneError {
			return utf8.AppendRune(nil, r), 12
		}
		return s[:6], 6
	default:
		return s[:2], 2
	}
}

// syntaxProblem turns the parser's error into a problem. The commonest
// mistake, an unquoted entry that starts with an asterisk, is YAML for a
// reference to something else, and the parser's words for it help nobody.
func (t *text) syntaxProblem(err error) (line, column int, p policy.Problem) {
	detail := strings.TrimPrefix(err.Error(), "yaml: ")
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		detail = strings.Join(typed.Errors, "; ")
	}
	if rest, found := strings.CutPrefix(detail, "line "); found {
		number, words, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, column, detail = n, 1, words
		}
	}
	p = policy.Problem{Code: CodeSyntax, Detail: "this is not yaml or json: " + detail}
	n := 0
	for text := range bytes.Lines(t.data) {
		n++
		if entry, at := bareAsterisk(string(text)); entry != "" {
			p.Value, p.Fix = entry, "write "+strconv.Quote(entry)+", in quotes"
			return n, at, p
		}
	}
	return line, column, p
}

// bareAsterisk finds a value that starts with an unquoted asterisk, as in
// "- *.example" or "[*]", and its column.
func bareAsterisk(line string) (entry string, column int) {
	if end := strings.IndexAny(line, "\"'#"); end >= 0 {
		line = line[:end] // behind it, an asterisk may be quoted or commented out
	}
	before := byte(0) // the last byte that is not blank
	for i := range len(line) {
		switch c := line[i]; {
		case c == '*' && strings.IndexByte(":-[,", before) >= 0:
			entry, _, _ = strings.Cut(line[i:], ",")
			return cut(strings.TrimRight(entry, " \t\r\n]}"), maxValue), i + 1
		case c != ' ' && c != '\t':
			before = c
		}
	}
	return "", 0
}

// place turns a place in the document, from 1, into one in the file.
func (t *text) place(line, column int) (int, int) {
	if line == 0 {
		return t.line + 1, 1
	}
	next, _ := slices.BinarySearchFunc(t.shifts, shift{line: line, column: column + 1}, func(a, b shift) int {
		return cmp.Or(a.line-b.line, a.column-b.column)
	})
	if next > 0 && t.shifts[next-1].line == line {
		column += t.shifts[next-1].delta
	}
	return t.line + line, column
}
