package files

// BeforeRead calls f before each read of a file.
func (s *Store) BeforeRead(f func(name string)) {
	read := s.read
	s.read = func(name string, known *stamp) (content, error) {
		f(name)
		return read(name, known)
	}
}
