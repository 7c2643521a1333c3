//! The running simulator.

use std::io;
use std::sync::Arc;

use host::StartError;
use host::http::{Server, bind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Callbacks, Config, Configured, Settings};
use crate::control::Control;
use crate::shared::Shared;
use crate::{notices, store, web};

/// WeChat Pay on this machine. Dropping it stops it without a last save; [`Simulator::shutdown`] saves.
pub struct Simulator {
    shared: Arc<Shared>,
    server: Server,
    stop: watch::Sender<bool>,
    keeper: Option<JoinHandle<()>>,
    sender: JoinHandle<()>,
}

impl Simulator {
    /// Starts to listen and to send.
    ///
    /// # Errors
    /// The port is taken, or the state of the last run cannot be read.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config { port, store, clock, merchants, templates, services, pace } = config;
        let configured = Configured { merchants, templates, services, pace };
        let listener = bind(port).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
        let settings = Settings::new(configured, format!("http://{address}"));
        let (path, world) = store::open(&store)?;
        let shared = Arc::new(Shared::new(settings, clock, world));
        let server = Server::serve(listener, web::router(Arc::clone(&shared)))?;
        let (stop, stopped) = watch::channel(false);
        let keeper = path.map(|path| tokio::spawn(store::keep(Arc::clone(&shared), path, stopped.clone())));
        let sender = tokio::spawn(notices::run(Arc::clone(&shared), stopped));
        Ok(Self { shared, server, stop, keeper, sender })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Tells WeChat where to send what no call gives an address for.
    pub fn callbacks(&self, callbacks: Callbacks) {
        self.shared.look(|inner| inner.callbacks = callbacks);
    }

    /// A client of the control API.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::at(&self.endpoint())
    }

    /// Moves the clock, for everybody who reads it, by so many milliseconds. Notices that are on their way are waited for, 5 s at the longest,
    /// so that none of them arrives with a timestamp that the leap alone has made old.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub async fn move_clock(&self, by_ms: i64) -> io::Result<()> {
        self.shared.move_clock(by_ms).await
    }

    /// Stops; what lies in a folder is there at the next start.
    pub async fn shutdown(mut self) {
        self.server.stop().await;
        let _ = self.stop.send(true);
        let _ = (&mut self.sender).await;
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.sender.abort();
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}
