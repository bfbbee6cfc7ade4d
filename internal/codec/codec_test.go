package codec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"offboard/internal/codec"
)

// value is a key of 32 equal bytes, which no one would use.
func value(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func key(t testing.TB, id string, b byte) codec.Key {
	t.Helper()
	k, err := codec.NewKey(id, value(b))
	require.NoError(t, err)
	return k
}

func keyset(t testing.TB, keys ...codec.Key) *codec.Keyset {
	t.Helper()
	s, err := codec.NewKeyset(nil, keys...)
	require.NoError(t, err)
	return s
}

func plain(text string) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: []byte(text)}
}

func encode(t testing.TB, c *codec.Codec, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	sealed, err := c.Encode([]*commonpb.Payload{p})
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	return sealed[0]
}

func decode(c *codec.Codec, p *commonpb.Payload) (*commonpb.Payload, error) {
	opened, err := c.Decode([]*commonpb.Payload{p})
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

func TestARoundTripKeepsTheWholePayloadAndShowsNothingOfIt(t *testing.T) {
	c := keyset(t, key(t, "2026-11", 1)).Codec("hr")
	in := plain(`{"user": "leaver@acme.example"}`)
	in.Metadata["messageType"] = []byte("acme.Leaver")
	before := proto.Clone(in).(*commonpb.Payload)

	sealed := encode(t, c, in)
	assert.True(t, proto.Equal(before, in), "the parameter is not changed")
	assert.True(t, codec.Encrypted(sealed))
	assert.Equal(t, map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte("2026-11")}, sealed.GetMetadata())
	for _, text := range []string{"leaver", "acme", "json/plain"} {
		assert.NotContains(t, sealed.String(), text)
	}
	out, err := decode(c, sealed)
	require.NoError(t, err)
	assert.True(t, proto.Equal(in, out))
}

func TestEqualPayloadsGiveDifferentBytes(t *testing.T) {
	c := keyset(t, key(t, "k", 1)).Codec("hr")
	seen := map[string]bool{}
	for range 100 {
		seen[string(encode(t, c, plain(`"same"`)).GetData())] = true
	}
	assert.Len(t, seen, 100)
}

// The Web UI starts runs with plain inputs, and runs from before encryption have nothing else.
func TestWhatIsNotEncryptedIsPassedThrough(t *testing.T) {
	c := keyset(t, key(t, "k", 1)).Codec("hr")
	zlib := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/zlib")}, Data: []byte{0x78}}
	in := []*commonpb.Payload{plain(`{}`), {}, encode(t, c, plain(`7`)), zlib}
	out, err := c.Decode(in)
	require.NoError(t, err)
	require.Len(t, out, 4)
	assert.Same(t, in[0], out[0])
	assert.Same(t, in[1], out[1])
	assert.Equal(t, "7", string(out[2].GetData()))
	assert.Same(t, in[3], out[3])
}

func TestTheFirstKeyEncryptsAndAllDecrypt(t *testing.T) {
	old, next := key(t, "2026-05", 1), key(t, "2026-11", 2)
	keys := keyset(t, old)
	c := keys.Codec("hr")
	first := encode(t, c, plain(`1`))

	changed, err := keys.Replace(old, next) // every program learns the new key before one encrypts with it
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, "2026-05", string(encode(t, c, plain(`1`)).GetMetadata()[codec.KeyIDField]))
	changed, err = keys.Replace(next, old)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"2026-11", "2026-05"}, keys.IDs())
	second := encode(t, c, plain(`2`))
	assert.Equal(t, "2026-11", string(second.GetMetadata()[codec.KeyIDField]))
	for i, p := range []*commonpb.Payload{first, second} {
		out, err := decode(c, p)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(i+1), string(out.GetData()))
	}

	changed, err = keys.Replace(next, old)
	require.NoError(t, err)
	assert.False(t, changed, "nothing is different")
	_, err = keys.Replace(next)
	require.NoError(t, err)
	_, err = decode(c, first)
	unknown, ok := errors.AsType[*codec.UnknownKey](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "2026-05", unknown.ID)
	assert.EqualError(t, err, `a payload is encrypted with the key "2026-05", which is not configured here (known: 2026-11)`)
}

func TestReplaceRefusesWhatWouldLoseOlderPayloads(t *testing.T) {
	keys := keyset(t, key(t, "a", 1))
	c := keys.Codec("hr")
	sealed := encode(t, c, plain(`1`))
	for _, test := range []struct {
		says string
		keys []codec.Key
	}{
		{"another value than before", []codec.Key{key(t, "a", 2)}},
		{"no key", nil},
		{"two keys with the ID b", []codec.Key{key(t, "b", 2), key(t, "b", 3)}},
		{"a and b are the same key", []codec.Key{key(t, "a", 1), key(t, "b", 1)}},
		{"not made with NewKey", []codec.Key{{}}},
	} {
		_, err := keys.Replace(test.keys...)
		require.ErrorContains(t, err, test.says)
		assert.Equal(t, []string{"a"}, keys.IDs())
		_, err = decode(c, sealed)
		require.NoError(t, err)
	}
	_, err := codec.NewKeyset(nil)
	require.ErrorContains(t, err, "no key")
}

func TestAPayloadOfAnotherNamespaceOrKeyDoesNotOpen(t *testing.T) {
	keys := keyset(t, key(t, "a", 1), key(t, "b", 2))
	sealed := encode(t, keys.Codec("hr"), plain(`"leaver@acme.example"`))

	_, err := decode(keys.Codec("hr-test"), sealed)
	foreign, ok := errors.AsType[*codec.Unreadable](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "hr-test", foreign.Namespace)
	assert.ErrorContains(t, err, "another namespace")

	renamed := proto.Clone(sealed).(*commonpb.Payload)
	renamed.Metadata[codec.KeyIDField] = []byte("b")
	_, err = decode(keys.Codec("hr"), renamed)
	require.ErrorContains(t, err, `the key "b"`)

	_, err = decode(keyset(t, key(t, "a", 9)).Codec("hr"), sealed)
	require.ErrorContains(t, err, "another value under this ID")
}

// Neither the pair (ab, c) nor (a, bc) may stand for the other.
func TestIDAndNamespaceAreKeptApart(t *testing.T) {
	sealed := encode(t, keyset(t, key(t, "ab", 1)).Codec("c"), plain(`1`))
	sealed.Metadata[codec.KeyIDField] = []byte("a")
	_, err := decode(keyset(t, key(t, "a", 1)).Codec("bc"), sealed)
	require.Error(t, err)
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	c := keyset(t, key(t, "a", 1)).Codec("hr")
	sealed := encode(t, c, plain(`"leaver@acme.example"`))
	for i := range sealed.GetData() {
		bad := proto.Clone(sealed).(*commonpb.Payload)
		bad.Data[i] ^= 1
		_, err := decode(c, bad)
		_, ok := errors.AsType[*codec.Unreadable](err)
		require.True(t, ok, "byte %d: %v", i, err)
	}
	for n := range sealed.GetData() {
		bad := proto.Clone(sealed).(*commonpb.Payload)
		bad.Data = bad.Data[:n]
		_, err := decode(c, bad)
		require.Error(t, err, "the first %d bytes", n)
	}
}

func TestErrorsShowNeitherKeyNorContent(t *testing.T) {
	k := key(t, "a", 7)
	c := keyset(t, k).Codec("hr")
	sealed := encode(t, c, plain(`"leaver@acme.example"`))
	sealed.Data[20] ^= 1
	_, changed := decode(c, sealed)
	sealed.Metadata[codec.KeyIDField] = []byte(strings.Repeat("leaver\n", 100))
	_, unknown := decode(c, sealed)
	require.Error(t, unknown)
	assert.Less(t, len(unknown.Error()), 200, "an ID that came with a payload may be anything")
	assert.NotContains(t, unknown.Error(), "\n")
	delete(sealed.Metadata, codec.KeyIDField)
	_, nameless := decode(c, sealed)
	require.ErrorContains(t, nameless, "does not say with which key")
	_, short := codec.NewKey("a", base64.StdEncoding.EncodeToString([]byte("too short, but a secret")))
	_, text := codec.NewKey("a", "a passphrase, not base64")
	_, badID := codec.NewKey("key of the year", value(7))
	for _, err := range []error{changed, unknown, nameless, short, text, badID} {
		require.Error(t, err)
		for _, secret := range []string{value(7), "acme", "passphrase", "dG9vIHNob3J0", "too short, but"} {
			assert.NotContains(t, err.Error(), secret)
		}
	}
	data, err := json.Marshal([]any{k})
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprint(k), fmt.Sprintf("%v", k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%s", k), fmt.Sprintf("%x", k)} {
		assert.Equal(t, "a", shown)
	}
	assert.Equal(t, "[{}]", string(data))
	assert.Contains(t, fmt.Sprintf("%+v", []codec.Key{k}), "[a]")
}

func TestNewKeyTellsWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ id, value, says string }{
		{"", value(1), "no ID"},
		{"two words", value(1), "letters, digits"},
		{"-a", value(1), "letters, digits"},
		{strings.Repeat("a", 33), value(1), "33 characters"},
		{"a", "", "0 bytes"},
		{"a", base64.StdEncoding.EncodeToString(make([]byte, 16)), "16 bytes and must have 32"},
		{"a", "%%%", "not base64"},
	} {
		_, err := codec.NewKey(test.id, test.value)
		require.ErrorContains(t, err, test.says)
	}
	k, err := codec.NewKey(strings.Repeat("a", 32), value(1))
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("a", 32), k.ID())
}

func TestAMissedKeyIsToldOf(t *testing.T) {
	sealed := encode(t, keyset(t, key(t, "new", 2)).Codec("hr"), plain(`1`))
	var missed []string
	keys, err := codec.NewKeyset(func(id string) { missed = append(missed, id) }, key(t, "old", 1))
	require.NoError(t, err)
	_, err = decode(keys.Codec("hr"), sealed)
	require.Error(t, err)
	assert.Equal(t, []string{"new"}, missed)
	_, err = decode(keys.Codec("hr"), encode(t, keys.Codec("hr"), plain(`1`)))
	require.NoError(t, err)
	assert.Len(t, missed, 1)
}

func TestStrictPanicsInsteadOfFailingTheRun(t *testing.T) {
	keys := keyset(t, key(t, "a", 1))
	sealed := encode(t, keyset(t, key(t, "b", 2)).Codec("hr"), plain(`1`))
	strict := keys.Codec("hr").Strict()
	assert.PanicsWithError(t, `a payload is encrypted with the key "b", which is not configured here (known: a)`, func() { _, _ = decode(strict, sealed) })
	out, err := decode(strict, encode(t, strict, plain(`"fine"`)))
	require.NoError(t, err)
	assert.Equal(t, `"fine"`, string(out.GetData()))
	out, err = decode(strict, plain(`"by hand"`))
	require.NoError(t, err)
	assert.Equal(t, `"by hand"`, string(out.GetData()))
}

// The Offboard workflow takes its input as a RawValue and refuses what is not json/plain: the codec must have been there
// before.
func TestARawValueIsDecryptedFirst(t *testing.T) {
	dc := keyset(t, key(t, "a", 1)).Codec("hr").Converter()
	sealed, err := dc.ToPayloads(map[string]string{"user": "leaver@acme.example"})
	require.NoError(t, err)
	assert.True(t, codec.Encrypted(sealed.GetPayloads()[0]))
	var input, second converter.RawValue
	require.NoError(t, dc.FromPayloads(sealed, &input, &second))
	assert.Equal(t, converter.MetadataEncodingJSON, string(input.Payload().GetMetadata()[converter.MetadataEncoding]))
	assert.JSONEq(t, `{"user": "leaver@acme.example"}`, string(input.Payload().GetData()))
	assert.Nil(t, second.Payload())
}

// Temporal refuses a summary whose payload has more than 400 bytes; ours have at most 193 of text.
func TestAnEncryptedSummaryIsSmallEnoughForTemporal(t *testing.T) {
	c := keyset(t, key(t, strings.Repeat("k", 32), 1)).Codec(strings.Repeat("n", 200))
	sealed, err := c.Converter().ToPayload(strings.Repeat("s", 193))
	require.NoError(t, err)
	assert.LessOrEqual(t, proto.Size(sealed), 400)
}

func TestKeysMayChangeWhilePayloadsAreRead(t *testing.T) {
	a, b := key(t, "a", 1), key(t, "b", 2)
	keys := keyset(t, a, b)
	c := keys.Codec("hr")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				out, err := decode(c, encode(t, c, plain(fmt.Sprint(i))))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprint(i), string(out.GetData()))
			}
		})
	}
	group.Go(func() {
		order := []codec.Key{a, b}
		for range 200 {
			slices.Reverse(order)
			_, err := keys.Replace(order...)
			assert.NoError(t, err)
			assert.Len(t, keys.IDs(), 2)
		}
	})
	group.Wait()
}

// Whatever arrives, Decode neither panics nor takes for encrypted by us what is not.
func FuzzDecode(f *testing.F) {
	c := keyset(f, key(f, "a", 1)).Codec("hr")
	sealed := encode(f, c, plain(`"leaver@acme.example"`))
	f.Add("binary/encrypted", "a", sealed.GetData())
	f.Add("binary/encrypted", "a", sealed.GetData()[:20])
	f.Add("binary/encrypted", "", []byte{})
	f.Add("json/plain", "a", []byte(`{}`))
	f.Fuzz(func(t *testing.T, encoding, id string, data []byte) {
		in := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encoding), codec.KeyIDField: []byte(id)}, Data: data}
		out, err := decode(c, in)
		if encoding != codec.Encoding {
			require.NoError(t, err)
			require.Same(t, in, out)
			return
		}
		_, unknown := errors.AsType[*codec.UnknownKey](err)
		_, unreadable := errors.AsType[*codec.Unreadable](err)
		require.Equal(t, id != "a", unknown)
		require.True(t, unknown || unreadable || err == nil && string(out.GetData()) == `"leaver@acme.example"`, "%v", err)
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	c := keyset(b, key(b, "a", 1)).Codec("hr")
	in := plain(strings.Repeat("x", 100<<10)) // a survey of a large account
	b.SetBytes(int64(len(in.GetData())))
	for b.Loop() {
		if _, err := decode(c, encode(b, c, in)); err != nil {
			b.Fatal(err)
		}
	}
}
