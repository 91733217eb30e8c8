package rum

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strings"
)

// network is what one subscriber typically has: an IPv4 /24 or an IPv6 /56. 0 is a client without an
// address, as on a Unix socket.
type network uint64

// networkOf is the network of the client: of the connection's peer, or with trusted hops of the entry
// of X-Forwarded-For that the outermost of them wrote. A client can write what it likes before that one, so
// nothing before it counts; where the entry is missing or no address, the peer does.
func networkOf(r *http.Request, hops int) network {
	peer := strings.TrimSpace(forwardedFor(r.Header, hops))
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		var at netip.AddrPort
		if at, err = netip.ParseAddrPort(peer); err != nil {
			at, err = netip.ParseAddrPort(r.RemoteAddr)
		}
		addr = at.Addr()
	}
	if err != nil {
		return 0
	}
	if addr = addr.Unmap(); addr.Is4() {
		four := addr.As4()
		return network(binary.BigEndian.Uint32(four[:])&^0xff | 4)
	}
	sixteen := addr.As16()
	return network(binary.BigEndian.Uint64(sixteen[:8])&^0xff | 6)
}

// forwardedFor is the n-th entry of X-Forwarded-For from its end, counted from 1, or "".
func forwardedFor(h http.Header, n int) string {
	list := strings.Join(h["X-Forwarded-For"], ",")
	for ; n > 0; n-- {
		comma := strings.LastIndexByte(list, ',')
		if n == 1 {
			return list[comma+1:]
		}
		list = list[:max(0, comma)]
	}
	return ""
}
