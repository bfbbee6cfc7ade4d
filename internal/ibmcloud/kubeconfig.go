package ibmcloud

import (
	"bytes"
	"context"
	"io"

	"offboard/internal/offboard"
)

// mostKubeconfig is far above any kubeconfig; what is longer is something else.
const mostKubeconfig = 4 << 20

// kubeconfig reads the document itself, because the SDK's method drops it (trap 31). It asks for the administrator's
// certificate and without the synchronisation of the access list, which would be a change.
func (c *Clusters) kubeconfig(ctx context.Context, clusterID string) ([]byte, error) {
	o := op{name: "GetKubeconfig", text: "read the kubeconfig of cluster " + clusterID}
	if clusterID == "" {
		return nil, offboard.Errorf(offboard.Invalid, o.text, "there is no cluster ID")
	}
	var body io.ReadCloser
	query := map[string]string{"cluster": clusterID, "format": "yaml", "admin": "true"}
	if err := get(ctx, o, c.api.containers.Service, "/v2/getKubeconfig", nil, query, "application/yaml, text/yaml, */*", &body); err != nil {
		return nil, err
	}
	defer body.Close()
	document, err := io.ReadAll(io.LimitReader(body, mostKubeconfig))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, offboard.Errorf(offboard.Unavailable, o.text, "the answer was cut off")
	}
	if !bytes.Contains(document, []byte("clusters:")) {
		return nil, offboard.Errorf(offboard.Unavailable, o.text, "the answer is no kubeconfig")
	}
	return document, nil
}
