package redistest

// User is the line of an ACL for a user with a password and rules, such as "~prefix:* -@all +get".
func User(name, password, rules string) string {
	return "user " + name + " on >" + password + " " + rules
}
