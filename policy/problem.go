package policy

// Problem is one thing wrong, or unwise, in what somebody wrote.
type Problem struct {
	// Path is the field, relative to the policy: "origins[3]", "max_age".
	Path string
	// Value is the offending value as written, cut to 128 bytes.
	Value string
	// Code is stable and meant for programs.
	Code Code
	// Detail says what is wrong, in one lower-case sentence without a period.
	Detail string
	// Fix is what to write instead, or "".
	Fix string
}

// Code names a class of problems, for example "origin_path" or "credentials_any_origin".
type Code string

// Problems is every problem of one document, in document order. It is an error.
type Problems []Problem
