package tenant

// maxReading bounds the paths that are read; servers commonly take no more than 8 KiB.
const maxReading = 8 << 10

// plainPath reports whether whoever reads path finds the same segments in it: visible ASCII without
// percent-encoding, parameters, backslashes, fragments, and without empty or dot segments.
// It is the only work that most paths cost.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return path == "" || path == "*"
	}
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ', c > '~', c == '%', c == ';', c == '\\', c == '#':
			return false
		case c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
			return false
		}
	}
	return true
}

// reading is a path as it is after everything that some application does to it before it looks for a
// resource (rule 27a): percent-encoding decoded until nothing is left to decode, backslashes taken for slashes,
// parameters cut off, empty segments and those of one dot left out.
//
// One such reading speaks for all: a prefix holds nothing that these steps change ([PathPrefixFault]), so each
// prefix that covers the path after some of them also covers it after all of them, in any order. Two things
// make the order matter, and are faults: what leads upwards, and a separator within parameters.
type reading struct {
	// path has no slash at its end, unless it is "/".
	path []byte
	// fault says why nobody can tell which resource is meant, "" when one can.
	fault string
}

// Faults of a reading.
const (
	faultLength    = "a path with percent-encoding, parameters or empty segments is longer than 8 KiB"
	faultUpwards   = "a segment can be read as .., in a spelling that not everybody resolves"
	faultParameter = "parameters hide a slash: some cut them off before they decode it"
)

// readPath makes the reading of path in buf. It takes one pass to decode and one over the segments.
func readPath(buf *[maxReading + 1]byte, path string) reading {
	if len(path) > maxReading {
		return reading{fault: faultLength}
	}
	return readSegments(decodePath(append(buf[:0], '/'), path))
}

// decodePath appends path to out, decoded. What comes out of a decoding is decoded again, so that it does not
// matter how often an application does that. A slash that was encoded becomes a backslash, which [readSegments]
// takes for one: nobody reads it otherwise than the other hidden separator.
func decodePath(out []byte, path string) []byte {
	for i := range len(path) {
		out = append(out, path[i])
		for n := len(out); n >= 3 && out[n-3] == '%'; n = len(out) {
			high, low := unhex(out[n-2]), unhex(out[n-1])
			if high > 15 || low > 15 {
				break
			}
			c := high<<4 | low
			if c == '/' {
				c = '\\'
			}
			out = append(out[:n-3], c)
		}
	}
	return out
}

// unhex is the value of a hexadecimal digit, more than 15 for other bytes.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// readSegments writes the segments of a decoded path, which starts with a slash, over it. What leads upwards stays, for
// explanations.
func readSegments(path []byte) reading {
	r := reading{path: path[:0]}
	for from := 0; from < len(path); {
		to := from
		cut := -1 // where parameters begin
		for ; to < len(path) && path[to] != '/' && path[to] != '\\'; to++ {
			if cut < 0 && endsName(path[to]) {
				cut = to
			}
		}
		if cut >= 0 && to < len(path) && path[to] == '\\' {
			r.fault = faultParameter
		}
		if cut < 0 {
			cut = to
		}
		switch name := path[from:cut]; string(name) {
		case "", ".":
		case "..":
			r.fault = faultUpwards
			fallthrough
		default:
			r.path = append(append(r.path, '/'), name...)
		}
		from = to + 1
	}
	if len(r.path) == 0 {
		r.path = append(r.path, '/')
	}
	return r
}

// endsName reports whether some application takes c for the end of a segment's name: parameters, and a query,
// fragment or terminator that only decoding brings to light.
func endsName(c byte) bool { return c == ';' || c == '?' || c == '#' || c == 0 }
