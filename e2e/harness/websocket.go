package harness

import (
	"bufio"
	"crypto/sha1" // the websocket handshake is defined with it (RFC 6455 §1.3)
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	websocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	opText        = 0x1
	opClose       = 0x8
	finalBit      = 0x80
	maskBit       = 0x80
	length16      = 126
	maxEcho       = 1 << 16
)

// echoWebSocket accepts a handshake and returns each frame, until a close frame.
func echoWebSocket(w http.ResponseWriter, r *http.Request, extra [][2]string) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	var head strings.Builder
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	fmt.Fprintf(&head, "Sec-WebSocket-Accept: %s\r\n", acceptKey(r.Header.Get("Sec-WebSocket-Key")))
	for _, h := range extra {
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], h[1])
	}
	head.WriteString("\r\n")
	if _, err := io.WriteString(conn, head.String()); err != nil {
		return
	}
	for {
		op, payload, err := readFrame(rw.Reader)
		if err != nil {
			return
		}
		if _, err := conn.Write(frame(op, payload)); err != nil || op == opClose {
			return
		}
	}
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + websocketGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// frame is one unmasked, final frame; the payload is shorter than 64 KiB.
func frame(op byte, payload []byte) []byte {
	out := []byte{finalBit | op}
	if len(payload) < length16 {
		out = append(out, byte(len(payload)))
	} else {
		out = append(out, length16)
		out = binary.BigEndian.AppendUint16(out, uint16(len(payload)))
	}
	return append(out, payload...)
}

var errFrameTooLong = errors.New("websocket frame too long")

func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[1] &^ maskBit)
	if n == length16 {
		var long [2]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	if n >= maxEcho || head[1]&^maskBit > length16 {
		return 0, nil, errFrameTooLong
	}
	var mask [4]byte
	if head[1]&maskBit != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, nil
}
