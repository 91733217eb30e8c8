package probe

import (
	"strings"
)

// curl is the command line that asks r again, on the same path.
func (c *client) curl(r request, mark Name) string {
	words := []string{"curl", "-sS", "-o", "/dev/null", "-D", "-", "-X", r.method}
	for _, h := range r.headers(c.agent, mark) {
		words = append(words, "-H", h[0]+": "+h[1])
	}
	if c.way.dial != "" {
		words = append(words, "--connect-to", "::"+c.way.dial)
	}
	if c.way.tls.InsecureSkipVerify {
		words = append(words, "-k")
	}
	if c.caFile != "" {
		words = append(words, "--cacert", c.caFile)
	}
	words = append(words, c.url(r.path))
	for i := range words {
		words[i] = quoted(words[i])
	}
	return strings.Join(words, " ")
}

// quoted is word as a shell takes it literally.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
