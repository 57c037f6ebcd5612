package cause

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestAConnectionThatBreaksIsTheAPIServers(t *testing.T) {
	broken := &url.Error{Op: "Post", URL: "https://10.0.0.1/api/v1/namespaces/x/secrets", Err: io.EOF}
	for want, failure := range map[string]Failure{
		fairlead.CauseUnreachable:   {Err: fmt.Errorf("upgrade the release: create: failed to create: %w", broken), Step: StepApply},
		fairlead.CauseChartDownload: {Err: broken, Step: StepPull},
		fairlead.CauseRejected:      {Err: fmt.Errorf("admission webhook \"x\" denied the request: %w", broken), Step: StepApply},
		fairlead.CauseOther:         {Err: errors.New("upgrade the release: something"), Step: StepApply},
	} {
		if got := codeOf(failure, flat(failure.Err)); got != want {
			t.Errorf("%v: %s, want %s", failure.Err, got, want)
		}
	}
}
