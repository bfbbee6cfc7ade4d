package kube

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// eventWriter sends the events of a watch.
type eventWriter interface {
	Encode(v any) error
}

// streamTo begins the answer of a watch in the encoding its caller asked for.
func streamTo(w http.ResponseWriter, r *http.Request) eventWriter {
	media, _ := negotiate(r)
	var out eventWriter = json.NewEncoder(w)
	if media == mediaProtobuf {
		media += ";stream=watch"
		out = frames{w}
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(http.StatusOK)
	return out
}

// frames writes events as protobuf: the length in four bytes, then the event with its object as in any other answer.
type frames struct{ w io.Writer }

func (f frames) Encode(v any) error {
	e, isEvent := v.(watchEvent)
	if !isEvent {
		return fmt.Errorf("stream %T: not an event", v)
	}
	object, encoded := toProtobuf(pointed(e.Object))
	if !encoded {
		return fmt.Errorf("stream %T: it has no protobuf form", e.Object)
	}
	event := metav1.WatchEvent{Type: string(e.Type), Object: runtime.RawExtension{Raw: object}}
	content, err := event.Marshal()
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	var b bytes.Buffer
	b.Grow(4 + len(content))
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(content))))
	b.Write(content)
	_, err = f.w.Write(b.Bytes())
	return err
}
