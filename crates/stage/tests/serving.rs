//! The outlets over real HTTP, through the one client that a newsroom fetches with and the demo's named exception.

use stage::outlets::{Newsstand, OUTLETS, first_day};
use std::sync::Arc;
use world::http::{Client, Request};

#[test]
fn a_newsroom_reads_every_outlet_by_its_name() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut world = world::real::world(1);
        let listener = world.listen(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let address = listener.address().expect("its address");
        for outlet in OUTLETS {
            world = world.with_exception(outlet.host, address);
        }
        let stand = Arc::new(Newsstand::new(first_day(world.now())));
        let reads = async {
            let client = Client::new(&world, "Test/1 (+http://test.example/)");
            for outlet in OUTLETS {
                let answer = client.get(&Request::new(outlet.feed)).await.expect("an answer");
                assert_eq!(answer.status, 200, "{}", outlet.feed);
                let again = Request {
                    etag: answer.header("etag").map(str::to_owned),
                    last_modified: answer.header("last-modified").map(str::to_owned),
                    ..Request::new(outlet.feed)
                };
                assert_eq!(client.get(&again).await.expect("an answer").status, 304, "{}", outlet.feed);
            }
            let short = client.get(&Request::new("http://plumbline.outlets.test/r/1041")).await.expect("an answer");
            assert_eq!(short.final_url, "http://plumbline.outlets.test/investigations/nitrate-letters");
        };
        tokio::select! {
            biased;
            () = stand.serve(&listener) => unreachable!("it serves until dropped"),
            () = reads => {}
        }
    });
}
