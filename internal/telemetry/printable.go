package telemetry

import "strings"

// Most bytes of what a client sent that are written anywhere, before escaping. A valid origin has at
// most 326, a host 253 and a port.
const (
	maxOriginText = 330
	maxHostText   = 260
	maxPathText   = 256
	maxRequestID  = 64
	maxMethodText = 32
	maxTierText   = 64
)

const hexDigits = "0123456789abcdef"

// printable is s in visible ASCII: every other byte, and the backslash, is written \xNN. Of what is
// longer than most bytes the rest is left out, and "..." stands for it.
func printable(s string, most int) string {
	cut := len(s) > most
	if cut {
		s = s[:most]
	}
	plain := true
	for i := range len(s) {
		if !visible(s[i]) {
			plain = false
			break
		}
	}
	if plain && !cut {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; visible(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(`\x`)
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}

func visible(c byte) bool { return c > ' ' && c < 0x7f && c != '\\' }
