package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"offboard/internal/offboard"
)

// Envelope is the form of a webhook's body.
type Envelope string

// The envelopes.
const (
	// EnvelopeStandard is {"type", "timestamp", "data"}, as Standard Webhooks recommends.
	EnvelopeStandard Envelope = "standard"
	// EnvelopeCloudEvents is a CloudEvents 1.0 event in structured mode.
	EnvelopeCloudEvents Envelope = "cloudevents"
)

// Envelopes are all of them.
func Envelopes() []Envelope { return []Envelope{EnvelopeStandard, EnvelopeCloudEvents} }

// Webhook posts notices as JSON, signed as Standard Webhooks 1.0.0 says: webhook-id is the notice's ID and the same for
// every try, webhook-timestamp is the time of the try.
type Webhook struct {
	URL Secret
	// Secret signs: "whsec_" and 24 to 64 bytes in base64. Several, with white space between them, all sign, so that a
	// receiver can change from one to the next without losing a notice.
	Secret   Secret
	Envelope Envelope // empty: EnvelopeStandard
}

// CheckSigningSecret tells whether a text can be the secret of a webhook. The error does not show the text.
func CheckSigningSecret(text string) error {
	_, err := signers(text)
	return err
}

func signers(text string) ([]*standardwebhooks.Webhook, error) {
	var list []*standardwebhooks.Webhook
	for one := range strings.FieldsSeq(text) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "whsec_"))
		// The lengths that the specification allows; the library takes any, even none.
		if err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New("is not a signing secret: whsec_ and 24 to 64 random bytes in base64")
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, errors.New("cannot be used to sign")
		}
		list = append(list, signer)
	}
	if len(list) == 0 {
		return nil, errors.New("is empty")
	}
	return list, nil
}

type webhook struct {
	config Webhook
	post   poster
}

func (w *webhook) send(ctx context.Context, m message) *offboard.Error {
	text, err := w.config.Secret.Read(ctx)
	if err != nil {
		return offboard.Errorf(offboard.Unavailable, "", "%v", err)
	}
	keys, err := signers(text)
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "", "its signing secret %v", err)
	}
	contentType, body, err := envelope(w.config.Envelope, m)
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "", "%v", err)
	}
	now := time.Now()
	signatures := make([]string, len(keys))
	for i, key := range keys {
		if signatures[i], err = key.Sign(m.ID, now, body); err != nil {
			return offboard.Errorf(offboard.Invalid, "", "the notice could not be signed")
		}
	}
	header := http.Header{}
	header.Set("Content-Type", contentType)
	header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return w.post.to(ctx, w.config.URL, header, body)
}

// event is the recommended body of Standard Webhooks.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it came about, not when it is sent
	Data      message   `json:"data"`
}

// cloudEvent is a CloudEvents 1.0 event in the JSON format.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"` // with the ID, unique
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            message   `json:"data"`
}

// envelope makes the body, the same for every try.
func envelope(form Envelope, m message) (contentType string, body []byte, err error) {
	name := "offboarding." + string(m.Kind)
	if form == EnvelopeCloudEvents {
		body, err = json.Marshal(cloudEvent{
			SpecVersion: "1.0", ID: m.ID, Source: "/offboard/accounts/" + m.Account, Type: name, Subject: m.WorkflowID,
			Time: m.when().UTC(), DataContentType: "application/json", Data: m,
		})
		return "application/cloudevents+json; charset=utf-8", body, err
	}
	body, err = json.Marshal(event{Type: name, Timestamp: m.when().UTC(), Data: m})
	return "application/json", body, err
}
