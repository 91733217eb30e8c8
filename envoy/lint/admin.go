package lint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// FetchTimeout is how long asking a running Envoy may take, reading its answer included.
const FetchTimeout = 30 * time.Second

const (
	dumpPath   = "/config_dump"
	unixScheme = "unix:"
)

// IsAdmin reports whether a target is the address of an administration port rather than a file.
func IsAdmin(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://") || strings.HasPrefix(target, unixScheme)
}

// Fetch reads the config dump of a running Envoy from its administration port: a URL, or unix:PATH.
// A path in the URL stands in place of /config_dump, for what gives dumps in Envoy's stead.
func Fetch(ctx context.Context, target string) (*Config, error) {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	if path, ok := strings.CutPrefix(target, unixScheme); ok {
		target = "http://envoy"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, errors.New("it is no URL of an administration port: write http://HOST:PORT or unix:PATH")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = dumpPath
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking Envoy: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking Envoy: %s answered %s; the administration port gives the dump at %s", u.Redacted(), resp.Status, dumpPath)
	}
	c, err := Read(resp.Body)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // the body says at times that its connection was closed, and not why
	}
	if err != nil {
		return nil, fmt.Errorf("reading what Envoy answered: %w", err)
	}
	return c, nil
}
