// Package codec encrypts what Temporal stores: inputs, results, messages to runs, errors and summaries.
//
// A Keyset holds AES-256 keys by their IDs: the first one encrypts, all decrypt, so that keys can be changed while runs
// are under way. Its Codec for a namespace is what Temporal's SDK asks at each payload. What is not encrypted is passed
// through, because the Web UI starts runs with plain inputs.
//
// It must not know where keys come from, nor what the payloads are about.
package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// What an encrypted payload's metadata says. Both are in the clear.
const (
	// Encoding is the value of the metadata field "encoding". Temporal's own samples use the same, and the Web UI shows it.
	Encoding = "binary/encrypted"
	// KeyIDField is the metadata field with the ID of the key.
	KeyIDField = "encryption-key-id"
)

// format is the first byte of the data. What follows in this format is a random nonce of 96 bits and what AES-GCM makes
// of the marshalled payload, its tag of 128 bits at the end.
const format byte = 1

// Codec encrypts and decrypts the payloads of one namespace. It is a converter.PayloadCodec and safe for concurrent use.
type Codec struct {
	keys      *Keyset
	namespace string
	strict    bool
}

// Codec is the codec for a namespace. It follows later changes of the keys.
func (s *Keyset) Codec(namespace string) *Codec { return &Codec{keys: s, namespace: namespace} }

// Strict is the same codec for a worker: it panics where Decode would return an error.
//
// Temporal's SDK hands an error on to the workflow, which fails, or takes it for an answer of the activity and turns
// round; either ends an offboarding for want of a key. A panic only fails the workflow task, which Temporal tries again
// until the run can be read. Activities turn it into an error that is tried again too.
func (c *Codec) Strict() *Codec { return &Codec{keys: c.keys, namespace: c.namespace, strict: true} }

// Converter is Temporal's usual data converter with this codec behind it.
func (c *Codec) Converter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}

// Encode implements converter.PayloadCodec. It encrypts every payload as a whole, with its metadata, under the first
// key.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	key := c.keys.first()
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, errors.New("encrypt a payload: it cannot be marshalled") // the error might quote it
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(Encoding), KeyIDField: []byte(key.id)},
			Data:     key.aead.Seal([]byte{format}, nil, plain, c.additional(key.id)),
		}
	}
	return sealed, nil
}

// Decode implements converter.PayloadCodec. Payloads that are not encrypted are returned as they are. The error is an
// *UnknownKey or an *Unreadable; neither holds a key or anything of a payload's content.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if !Encrypted(p) {
			opened[i] = p
			continue
		}
		plain, err := c.open(p)
		if err != nil && c.strict {
			panic(err)
		}
		if err != nil {
			return nil, err
		}
		opened[i] = plain
	}
	return opened, nil
}

// Encrypted tells whether a payload says that it is.
func Encrypted(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[converter.MetadataEncoding]) == Encoding
}

func (c *Codec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	id := string(p.GetMetadata()[KeyIDField])
	key, known := c.keys.find(id)
	if !known {
		return nil, &UnknownKey{ID: id, Known: c.keys.IDs()}
	}
	unreadable := func(why string) error { return &Unreadable{ID: id, Namespace: c.namespace, Why: why} }
	data := p.GetData()
	switch {
	case len(data) < 1+key.aead.Overhead():
		return nil, unreadable("it is too short")
	case data[0] != format:
		return nil, unreadable(fmt.Sprintf("its format is %d, this build knows %d", data[0], format))
	}
	plain, err := key.aead.Open(nil, nil, data[1:], c.additional(id))
	if err != nil {
		return nil, unreadable("it belongs to another namespace, was changed, or the key had another value under this ID")
	}
	opened := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, unreadable("what is in it is not a payload")
	}
	return opened, nil
}

// additional is what a payload must be read with besides its key: a payload that is carried into another namespace, or
// named after another key, does not open. The ID's length stands before it, so that no two pairs give the same bytes.
func (c *Codec) additional(keyID string) []byte {
	data := binary.AppendUvarint([]byte{format}, uint64(len(keyID)))
	data = append(data, keyID...)
	return append(data, c.namespace...)
}
