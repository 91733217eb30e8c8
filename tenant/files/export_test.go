package files

// Hang makes reads of a file wait until the function that it returns is called.
func (s *Store) Hang(name string) (release func()) {
	answers := make(chan struct{})
	read := s.read
	s.read = func(n string, known *stamp) (content, error) {
		if n == name {
			<-answers
		}
		return read(n, known)
	}
	return func() { close(answers) }
}
