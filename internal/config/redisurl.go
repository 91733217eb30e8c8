package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Ports of Redis and of Sentinels when the URL gives none.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// maxDatabase is the highest number of a database that is accepted; servers have 16 by default.
const maxDatabase = 1 << 16

// RedisTarget is what [Redis.URL] says. It holds a secret: do not print it.
type RedisTarget struct {
	// Network is "tcp" or "unix".
	Network string
	// Addresses are host:port, or the one path of a socket.
	Addresses []string
	// TLS says that the servers speak TLS.
	TLS bool
	// Username and Password are those of the URL, or "".
	Username, Password string
	// Database is the number of the database.
	Database int
}

// Target reads the URL: redis[s]://[user:password@]host[:port][,host[:port]...][/database]
// or unix://[user:password@]/path. No error shows the password.
func (r *Redis) Target() (RedisTarget, error) {
	scheme, rest, _ := strings.Cut(r.URL, "://")
	t := RedisTarget{Network: "tcp", TLS: scheme == "rediss"}
	if !slices.Contains([]string{"redis", "rediss", "unix"}, scheme) {
		return t, errors.New("it is not the URL of a Redis")
	}
	if strings.ContainsAny(rest, "?#") {
		return t, errors.New("a URL of a Redis has no parameters here")
	}
	// Not url.Parse: it refuses a list of hosts. The last "@" ends the login, so that a
	// password that should have been escaped is never taken for a host and shown.
	if !strings.HasPrefix(rest, "/") {
		login, after, found := cutLast(rest, "@")
		if found {
			rest = after
			if err := t.login(login); err != nil {
				return t, err
			}
		}
	}
	hosts, path, slash := strings.Cut(rest, "/")
	if scheme == "unix" {
		if hosts != "" || path == "" || len(path) >= maxSocketPath {
			return t, fmt.Errorf("a socket is an absolute path of at most %d bytes", maxSocketPath)
		}
		t.Network, t.Addresses = "unix", []string{"/" + path}
		return t, nil
	}
	port := redisPort
	if r.SentinelMaster != "" {
		port = sentinelPort
	}
	for name := range strings.SplitSeq(hosts, ",") {
		address, ok := hostPort(name, port)
		if !ok { // its text may be a login that lacks its "@"
			return t, fmt.Errorf("host %d of the URL is not host or host:port", len(t.Addresses)+1)
		}
		t.Addresses = append(t.Addresses, address)
	}
	if slash && path != "" {
		n, err := strconv.Atoi(path)
		if err != nil || n < 0 || n > maxDatabase {
			return t, errors.New("the path of the URL is not the number of a database")
		}
		t.Database = n
	}
	return t, nil
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (t *RedisTarget) login(text string) error {
	user, password, _ := strings.Cut(text, ":")
	var first, second error
	t.Username, first = url.PathUnescape(user)
	t.Password, second = url.PathUnescape(password)
	if first != nil || second != nil {
		return errors.New("the login in the URL has a % that escapes nothing")
	}
	return nil
}

// hostPort is the address of a host that may lack its port.
func hostPort(text, port string) (address string, ok bool) {
	host, given, err := net.SplitHostPort(text)
	if err != nil {
		host, given = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), port
		if ip, err := netip.ParseAddr(host); strings.Contains(host, ":") && (err != nil || !ip.Is6() || !strings.HasPrefix(text, "[")) {
			return "", false
		}
	}
	if n, err := strconv.ParseUint(given, 10, 16); err != nil || n == 0 {
		return "", false
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n[]@%") {
		return "", false
	}
	return net.JoinHostPort(host, given), true
}

// Local reports whether only this machine can reach the servers and listen in.
func (t RedisTarget) Local() bool {
	return t.Network == "unix" || !slices.ContainsFunc(t.Addresses, func(a string) bool {
		return !Address{Network: "tcp", Location: a}.Local()
	})
}
