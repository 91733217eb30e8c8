package policy

// The alphabets of RFC 9110 and of serialised origins. They are constants and
// comparisons, not tables, so that there is nothing to initialise or to overwrite.

// tokenLow and tokenHigh are the bit sets of RFC 9110 tchar below and from 64.
const (
	tokenLow  uint64 = 0x03ff6cfa00000000
	tokenHigh uint64 = 0x57ffffffc7fffffe
)

// isTokenByte reports whether c may stand in an RFC 9110 token (§5.6.2).
func isTokenByte(c byte) bool {
	set := tokenLow
	if c >= 64 {
		set = tokenHigh
	}
	return c < 128 && set>>(c&63)&1 != 0
}

// isToken reports whether s is an RFC 9110 token.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isLowerHex reports whether c is a hexadecimal digit as RFC 5952 writes it.
func isLowerHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

// lower folds one ASCII letter.
func lower(c byte) byte {
	if isUpper(c) {
		c += 'a' - 'A'
	}
	return c
}

// equalFold compares ASCII strings without case. [strings.EqualFold] would let the
// Kelvin sign stand for k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lowerASCII returns s in lower case, and s itself when it already is.
func lowerASCII(s string) string {
	for i := range len(s) {
		if isUpper(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}

// trimBlanks cuts optional white space (RFC 9110 §5.6.3) from both ends.
func trimBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// isFieldValue reports whether s may be written as a header value by this package:
// visible ASCII, with single spaces inside as lists have them.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && s[0] != ' ' && s[len(s)-1] != ' '
}
