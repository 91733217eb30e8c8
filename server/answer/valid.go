package answer

import (
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// Bounds of what may be written into a response.
const (
	maxValueBytes = 8 << 10
	maxMutations  = 20
	maxTenantID   = 63
)

// The values were checked when the policy was compiled. They are checked again
// here because Envoy does not: a line break in metadata becomes a header line of
// its own, and a bad byte in a mutation turns a good response into a 500, failing
// open or not.

func validHeaders(headers []policy.Header) bool {
	for _, h := range headers {
		if !validName(h.Name) || !validValue(h.Value) {
			return false
		}
	}
	return len(headers) <= maxMutations
}

func validEdits(e *policy.Edits) bool {
	for _, name := range e.Remove {
		if !validName(name) {
			return false
		}
	}
	return len(e.Remove)+len(e.Set) <= maxMutations && validHeaders(e.Set)
}

// validName accepts lower-case tokens (RFC 9110 section 5.6.2).
func validName(name string) bool {
	for _, c := range []byte(name) {
		if !alphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// validValue accepts visible ASCII with blanks inside only. An empty
// value is refused: Envoy would send an empty header.
func validValue(value string) bool {
	for _, c := range []byte(value) {
		if c < 0x20 || c > 0x7E {
			return false
		}
	}
	return value != "" && len(value) <= maxValueBytes && value[0] != ' ' && value[len(value)-1] != ' '
}

// validTenant accepts the ids of tenant documents, and none.
func validTenant(id string) bool {
	for i, c := range []byte(id) {
		outer := i == 0 || i == len(id)-1
		if !alphanumeric(c) && (outer || strings.IndexByte("._-", c) < 0) {
			return false
		}
	}
	return len(id) <= maxTenantID
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// validStatus accepts what an immediate response may have: final, and not one that
// Envoy would change.
func validStatus(status int) bool { return status >= 200 && status <= 599 }
